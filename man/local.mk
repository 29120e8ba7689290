# man: added by its part
