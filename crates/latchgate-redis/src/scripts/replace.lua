-- Replaces a record of a generation. 1, or 0 when there is none of it, unless the new one is there already.
-- ARGV[4]     the generation that must be there
-- ARGV[5..10] the record
if not is_live() then
  return 0
end
if redis.call('HGET', record, 'generation') == ARGV[4] then
  put(5)
  return 1
end
return is_same(5) and 1 or 0
