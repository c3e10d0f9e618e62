-- Grants the record's lease: its fence and the record. {'missing'} when there is none, {'held'} when another caller
-- holds the lease.
-- ARGV[4]  how long, in milliseconds
-- ARGV[5]  the caller: unique for every call, the same when it is repeated
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
  -- It grows with time, also across removed records, and does not shrink when the clock is set back.
  fence = string.format('%.0f', math.max(micros, (tonumber(fence) or 0) + 1))
end
redis.call('HSET', record, 'lease_until', time + ARGV[4], 'holder', ARGV[5], 'fence', fence)
local there = redis.call('HMGET', record, 'sealed', 'generation', 'expires_at')
return {'granted', fence, there}
