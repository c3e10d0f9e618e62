-- Removes a record.
local is_leased = redis.call('HGET', record, 'lease_until')
drop()
if is_leased then
  announce_lease_end()
end
return 1
