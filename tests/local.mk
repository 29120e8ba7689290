# tests: added by its part
