-- Ends a record.
drop()
return 1
