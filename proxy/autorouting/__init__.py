"""Auto routers: which model group serves a call, by what it says. Imported only when a config has one."""
