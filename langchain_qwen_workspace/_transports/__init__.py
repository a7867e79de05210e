"""Sends JSON requests through the SDKs, and adds retry, key renewal, failover and limits."""
