# approval_service: added by its part
