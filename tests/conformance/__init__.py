"""One inheritable suite a contract; what implements the contract inherits the suite and passes it."""
