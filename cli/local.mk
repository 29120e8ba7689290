# cli: added by its part
