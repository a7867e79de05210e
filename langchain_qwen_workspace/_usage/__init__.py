"""Parts of usage accounting: the ledger, records, tables, prices and telemetry."""
