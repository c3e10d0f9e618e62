-- Removes a record.
drop()
return 1
