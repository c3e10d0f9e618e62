-- The beginning of every script for a record.
-- KEYS[1]  the record
-- ARGV[1]  the prefix of all keys
-- ARGV[2]  the last part of the record's key, which is how the indexes list it
-- ARGV[3]  the caller's now, in seconds since the epoch
local record, prefix, id, now = KEYS[1], ARGV[1], ARGV[2], ARGV[3]

-- The clock of this server, which leases and indexes use: milliseconds, and microseconds.
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000), time[1] * 1000000 + time[2]
end

-- Whether there is a record that has not expired.
local function is_live()
  local expires_at = redis.call('HGET', record, 'expires_at')
  return expires_at and tonumber(expires_at) > tonumber(now)
end

-- Tells the nodes that wait for the record's lease. A user who may not publish (ACL) breaks nothing: they look again.
local function announce_lease_end()
  redis.pcall('PUBLISH', prefix .. 'lease-ends', id)
end

-- Removes the record from an index.
local function unlist(kind, name)
  if name then
    redis.call('ZREM', prefix .. kind .. ':' .. name, id)
  end
end

-- Adds the record to an index, with the time at which this server drops it. Records that were dropped leave the index,
-- which itself lasts as long as its last record.
local function list(kind, name, ttl)
  local index, time = prefix .. kind .. ':' .. name, (clock())
  redis.call('ZREMRANGEBYSCORE', index, '-inf', time)
  redis.call('ZADD', index, time + ttl, id)
  if redis.call('PTTL', index) < ttl then
    redis.call('PEXPIRE', index, ttl)
  end
end

-- Removes the record, its lease and its names in the indexes.
local function drop()
  local names = redis.call('HMGET', record, 'sid', 'sub')
  unlist('sid', names[1])
  unlist('sub', names[2])
  redis.call('DEL', record)
end

-- Whether the record is the same as the one that begins at ARGV[at].
local function is_same(at)
  local there = redis.call('HMGET', record, 'sealed', 'generation', 'expires_at', 'sid', 'sub')
  for place = 1, 5 do
    if (there[place] or '') ~= ARGV[at + place - 1] then
      return false
    end
  end
  return true
end

-- Writes the record that begins at ARGV[at]: sealed, generation, expires_at, sid, sub, and then how many milliseconds
-- it has left. Names are empty when it has none. A lease stays as it is.
local function put(at)
  local ttl = tonumber(ARGV[at + 5])
  if ttl <= 0 then
    return drop()
  end
  local old = redis.call('HMGET', record, 'sid', 'sub')
  redis.call('HSET', record, 'sealed', ARGV[at], 'generation', ARGV[at + 1], 'expires_at', ARGV[at + 2])
  redis.call('PEXPIRE', record, ttl)
  for place, kind in ipairs({'sid', 'sub'}) do
    local name = ARGV[at + 2 + place]
    if old[place] ~= name then
      unlist(kind, old[place])
    end
    if name == '' then
      redis.call('HDEL', record, kind)
    else
      redis.call('HSET', record, kind, name)
      list(kind, name, ttl)
    end
  end
end
