-- A page of 100 of the versions that are at a stage or had so many epochs.
require "common"

function request()
    return filtered(string.format("stage = 'stage-%d' OR epochs = %d", any(10), any(100)))
end
