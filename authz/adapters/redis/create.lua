-- Store a ticket, unless another one answers for the request already. Keys and arguments are opening.lua's.
local bad = unfit_to_open()
if bad then
  return bad
end
local now = now_ms()
local reply = answered(now) or taken() or crowded(now) or too_much(now)
if reply then
  return reply
end
announce(now)
return open(now)
