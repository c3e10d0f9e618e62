-- Inserts a record. 1, or 0 when there is one already.
-- ARGV[4]     'first', or 'again' when an earlier try may have succeeded
-- ARGV[5..10] the record
if is_live() then
  if ARGV[4] == 'again' and is_same(5) then
    return 1
  end
  return 0
end
drop()
put(5)
return 1
