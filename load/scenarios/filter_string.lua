-- A page of 100 of the tenth of all versions that are at a stage.
require "common"

function request()
    return filtered(string.format("stage = 'stage-%d'", any(10)))
end
