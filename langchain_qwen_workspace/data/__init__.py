"""What the package knows by heart: tables of facts about the service, without behaviour."""
