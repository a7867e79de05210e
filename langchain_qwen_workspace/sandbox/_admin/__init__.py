"""The control plane of the sandbox: the account, its bill, and the signed requests of an administrator."""
