/// Text that stands in a paragraph and is read behind it: notes, comments, boxes. Each is written in a builder of its own, which takes the place of the one around it.
///
/// `Context` is what a reader restores when one ends.
struct Asides<Context> {
    private var open: [(outer: TextBuilder, context: Context)] = []
    private var closed: [TextBuilder] = []

    var isOpen: Bool { !open.isEmpty }
    /// Of the innermost that is open.
    var context: Context? { open.last?.context }

    mutating func begin(_ builder: inout TextBuilder, _ context: Context) {
        open.append((builder, context))
        builder = TextBuilder(limit: builder.limit)
    }

    /// - Parameter isKept: of the text that was written.
    /// - Returns: nil where none is open.
    @discardableResult
    mutating func end(_ builder: inout TextBuilder, isKept: ([UInt8]) -> Bool = { _ in true }) -> Context? {
        builder.end()
        guard let (outer, context) = open.popLast() else { return nil }
        if isKept(builder.text) { closed.append(builder) }
        builder = outer
        return context
    }

    /// Appends those that have ended, unless one is open around the place.
    mutating func append(to builder: inout TextBuilder) {
        guard !isOpen else { return }
        for aside in closed { builder.append(aside, blocks: aside.blocks.indices) }
        closed = []
    }
}
