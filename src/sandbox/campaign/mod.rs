//! A simulated Adobe Campaign instance: the SOAP router, its sessions, its tables.
