"""What calls share: documents, counters, slots, queues, announcements; in this process's memory or in Redis."""
