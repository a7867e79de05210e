"""Tables of facts about the service, without behaviour."""
