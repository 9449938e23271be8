"""Groups of commands of ``tianji`` that have a file of their own."""
