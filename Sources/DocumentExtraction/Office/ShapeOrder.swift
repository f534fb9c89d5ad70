/// The order in which the shapes of a slide are read: what stands above everything else first; where nothing does, what stands left of everything else.
enum ShapeOrder {
    typealias Placed = (place: SlideShape.Place, index: Int)

    /// What stands less than this apart is side by side, and shapes that cover each other by less than this are apart (a fifth of an inch).
    private static let row = 182_880
    private static let deepest = 32
    /// Slides of more shapes are read by their tops.
    private static let mostShapes = 1000

    /// The indices, in order.
    static func read(_ shapes: [Placed]) -> [Int] {
        shapes.count > mostShapes ? rows(shapes) : read(shapes, deepest)
    }

    private static func read(_ shapes: [Placed], _ depth: Int) -> [Int] {
        guard shapes.count > 1, depth > 0 else { return rows(shapes) }
        let bands = parted(shapes, from: \.y, \.height)
        if bands.count > 1 { return bands.flatMap { read($0, depth - 1) } }
        let columns = parted(shapes, from: \.x, \.width)
        guard columns.count > 1 else { return rows(shapes) }
        // What is right of the first column may be in rows.
        return read(columns[0], depth - 1) + read(columns.dropFirst().flatMap { $0 }, depth - 1)
    }

    /// Cut where nothing crosses.
    private static func parted(
        _ shapes: [Placed],
        from start: KeyPath<SlideShape.Place, Int>,
        _ length: KeyPath<SlideShape.Place, Int>
    ) -> [[Placed]] {
        var parts: [[Placed]] = []
        var end = Int.min
        let sorted = shapes.sorted {
            ($0.place[keyPath: start], $0.index) < ($1.place[keyPath: start], $1.index)
        }
        for shape in sorted {
            let (first, size) = (shape.place[keyPath: start], max(shape.place[keyPath: length], row))
            if parts.isEmpty || first < end - min(row, size / 2) {
                if parts.isEmpty { parts.append([]) }
                parts[parts.count - 1].append(shape)
            } else {
                parts.append([shape])
            }
            end = max(end, first + size)
        }
        return parts
    }

    /// From top to bottom, and from left to right what is side by side.
    private static func rows(_ shapes: [Placed]) -> [Int] {
        let sorted = shapes.sorted { ($0.place.y, $0.index) < ($1.place.y, $1.index) }
        var ordered: [Int] = []
        var start = 0
        while start < sorted.count {
            let end = sorted[start...].firstIndex { $0.place.y - sorted[start].place.y >= row } ?? sorted.count
            ordered += sorted[start..<end].sorted { ($0.place.x, $0.index) < ($1.place.x, $1.index) }.map(\.index)
            start = end
        }
        return ordered
    }
}
