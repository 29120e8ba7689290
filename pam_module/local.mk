# pam_module: added by its part
