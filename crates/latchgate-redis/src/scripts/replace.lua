-- Replaces the record of a generation. 1, or 0 when it has another one. 1 as well when the new record is already there.
-- ARGV[4]     the expected generation
-- ARGV[5..10] the record
if not is_live() then
  return 0
end
if redis.call('HGET', record, 'generation') == ARGV[4] then
  put(5)
  return 1
end
return is_same(5) and 1 or 0
