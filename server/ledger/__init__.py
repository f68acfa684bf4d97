"""The loss ledger: what each device and each DataSet brought, kept and lost, and what history and outbox hold."""
