-- Extends a lease. 1, or 0 when it has expired or another caller holds it.
-- ARGV[4]  how long from now on, in milliseconds
-- ARGV[5]  its fence
if not is_live() then
  return 0
end
local time = clock()
local held = redis.call('HMGET', record, 'lease_until', 'fence')
if held[1] and tonumber(held[1]) > time and held[2] == ARGV[5] then
  redis.call('HSET', record, 'lease_until', time + ARGV[4])
  return 1
end
return 0
