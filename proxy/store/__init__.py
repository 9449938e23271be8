"""What outlives the process: keys, teams, users, budgets, models, spend, in SQLite or Postgres. Imported only with a database."""
