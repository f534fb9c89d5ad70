/// A shape of a slide, or a group of them: what it says and where it is.
struct SlideShape {
    enum Part {
        case chart
        case diagram
    }

    /// From the slide's top left corner, in English metric units (914,400 an inch).
    struct Place {
        var x: Int
        var y: Int
        var width = 0
        var height = 0
    }

    /// Of the slide's builder.
    var blocks: Range<Int>
    /// Nil where neither the slide nor its layout says it.
    var place: Place?
    var isTitle = false
    /// Relationships to what is drawn in it.
    var parts: [(kind: Part, id: String)] = []

    private static func withLoose(_ shapes: [SlideShape], _ blocks: Int) -> [SlideShape] {
        var (all, next) = ([SlideShape](), 0)
        for shape in shapes {
            if shape.blocks.lowerBound > next { all.append(SlideShape(blocks: next..<shape.blocks.lowerBound)) }
            all.append(shape)
            next = max(next, shape.blocks.upperBound)
        }
        return next < blocks ? all + [SlideShape(blocks: next..<blocks)] : all
    }

    /// The title first, then as `ShapeOrder` says.
    /// - Parameter blocks: how many there are; what is in no shape is one of its own.
    static func ordered(_ shapes: [SlideShape], blocks: Int) -> [SlideShape] {
        let shapes = withLoose(shapes, blocks)
        var placed: [ShapeOrder.Placed] = []
        var last = Place(x: 0, y: 0)
        for (index, shape) in shapes.enumerated() where !shape.isTitle {
            // What has no place follows what stands before it in the file.
            last = shape.place ?? last
            placed.append((last, index))
        }
        return shapes.filter(\.isTitle) + ShapeOrder.read(placed).map { shapes[$0] }
    }
}

/// Where a layout puts the shapes that slides fill.
final class SlideLayout: MarkupHandler {
    private var places: [String: SlideShape.Place] = [:]
    private var key: String?
    private var isFound = false
    private var isPlaced = false

    var isDone: Bool { false }

    func place(_ key: String) -> SlideShape.Place? { places[key] }

    /// What ties a slide's shape to its layout's: the index, or the kind where there is none (ECMA-376 part 1, §19.3.1.36).
    static func key(_ attributes: MarkupAttributes) -> String {
        attributes["idx"].map { "idx \($0)" } ?? attributes["type"] ?? "obj"
    }

    func start(_ name: MarkupName, _ attributes: MarkupAttributes) {
        switch name.string {
        case "sp": (key, isFound) = (nil, false)
        case "ph": key = Self.key(attributes)
        case "off":
            guard let key, !isFound, let place = SlideShape.Place(attributes) else { return }
            places[key] = place
            (isFound, isPlaced) = (true, true)
        case "ext":
            if isPlaced, let key { places[key]?.setSize(attributes) }
            isPlaced = false
        default: break
        }
    }

    func end(_ name: MarkupName) {}
    func characters(_ text: UnsafeBufferPointer<UInt8>) {}
}

extension SlideShape.Place {
    /// Nil for what lies beyond every slide (ECMA-376 part 1, §20.1.10.16: coordinates have 47 bits).
    init?(_ attributes: MarkupAttributes) {
        guard let x = attributes["x"].flatMap({ Int($0) }), let y = attributes["y"].flatMap({ Int($0) }),
            abs(x) < 1 << 47, abs(y) < 1 << 47
        else { return nil }
        self.init(x: x, y: y)
    }

    mutating func setSize(_ attributes: MarkupAttributes) {
        guard let width = attributes["cx"].flatMap({ Int($0) }), let height = attributes["cy"].flatMap({ Int($0) }),
            (0..<1 << 47).contains(width), (0..<1 << 47).contains(height)
        else { return }
        (self.width, self.height) = (width, height)
    }
}
