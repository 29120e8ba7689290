# nss: added by its part
