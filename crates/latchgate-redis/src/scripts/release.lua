-- Releases the lease with this fence. The record keeps the fence.
-- ARGV[4]  its fence
if redis.call('HGET', record, 'fence') == ARGV[4] then
  redis.call('HDEL', record, 'lease_until', 'holder')
  announce_lease_end()
end
return 1
