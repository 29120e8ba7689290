# authorized_principals_cmd: added by its part
