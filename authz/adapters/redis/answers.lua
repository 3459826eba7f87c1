-- What the channels answered so far, for each of KEYS (deliveries). Changes nothing.
local found = {}
for i, key in ipairs(KEYS) do
  found[i] = redis.call('HGETALL', key)
end
return found
