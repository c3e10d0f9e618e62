-- Grants the record's lease: its fence and the record. {'missing'} where there is none, {'held'} where somebody else
-- has the lease.
-- ARGV[4]  how long, in milliseconds
-- ARGV[5]  who asks: another for every call, the same when a call is repeated
if not is_live() then
  return {'missing'}
end
local time, micros = clock()
local held = redis.call('HMGET', record, 'lease_until', 'holder', 'fence')
local fence = held[3]
if held[1] and tonumber(held[1]) > time then
  if held[2] ~= ARGV[5] then
    return {'held'}
  end
else
  -- Time makes it grow over records that were removed, too; clocks that are set back do not make it shrink.
  fence = string.format('%.0f', math.max(micros, (tonumber(fence) or 0) + 1))
end
redis.call('HSET', record, 'lease_until', time + ARGV[4], 'holder', ARGV[5], 'fence', fence)
local there = redis.call('HMGET', record, 'sealed', 'generation', 'expires_at')
return {'granted', fence, there}
