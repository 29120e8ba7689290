# examples: added by its part
