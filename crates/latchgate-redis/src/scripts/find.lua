-- The records with a name. Records that no longer exist leave the index: Redis may have evicted them.
-- KEYS[1]  the index
-- ARGV[1]  the prefix of all keys
-- ARGV[2]  the field that has the name in records
-- ARGV[3]  the name
-- ARGV[4]  the caller's now, in seconds since the epoch
local found = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  local there = redis.call('HMGET', ARGV[1] .. 's:' .. id, 'expires_at', ARGV[2])
  if there[2] ~= ARGV[3] then
    redis.call('ZREM', KEYS[1], id)
  elseif tonumber(there[1]) > tonumber(ARGV[4]) then
    found[#found + 1] = id
  end
end
return found
