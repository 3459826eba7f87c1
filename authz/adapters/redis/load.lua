-- Read tickets and the time of the same moment. KEYS[1] clock, [2..] tickets. Changes nothing.
local bad = wrong_type(CLOCK, 'string')
for i = 2, #KEYS do
  bad = bad or wrong_type(KEYS[i], 'hash')
end
if bad then
  return bad
end
local found = { text(now_ms()) }
for i = 2, #KEYS do
  found[i] = redis.call('HGETALL', KEYS[i])
end
return found
