# lib: added by its part
