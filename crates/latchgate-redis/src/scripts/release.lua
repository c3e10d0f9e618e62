-- Ends a lease, if it is the one of this fence, which the record remembers.
-- ARGV[4]  its fence
if redis.call('HGET', record, 'fence') == ARGV[4] then
  redis.call('HDEL', record, 'lease_until', 'holder')
end
return 1
