# agent: added by its part
