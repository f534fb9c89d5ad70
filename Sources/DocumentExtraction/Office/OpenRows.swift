import ExtractionWire

/// The rows of a table that are open while its markup is read: a table in a cell is a part of the outer row.
struct OpenRows {
    private var depth = 0
    private var hasCell = false

    var isEmpty: Bool { depth == 0 }

    mutating func beginRow(_ builder: inout TextBuilder) {
        if isEmpty { builder.begin(.tableRow) }
        depth += 1
        hasCell = false
    }

    mutating func beginCell(_ builder: inout TextBuilder) {
        if hasCell { builder.separate() }
        hasCell = true
    }

    mutating func endRow(_ builder: inout TextBuilder) {
        depth -= 1
        if isEmpty { builder.end() } else { builder.softBreak() }
    }
}
