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
    }

    /// Of the slide's builder.
    var blocks: Range<Int>
    /// Nil where neither the slide nor its layout says it.
    var place: Place?
    var isTitle = false
    /// Relationships to what is drawn in it.
    var parts: [(kind: Part, id: String)] = []

    /// What stands less than this apart is side by side (a fifth of an inch).
    private static let row = 182_880

    private static func withLoose(_ shapes: [SlideShape], _ blocks: Int) -> [SlideShape] {
        var (all, next) = ([SlideShape](), 0)
        for shape in shapes {
            if shape.blocks.lowerBound > next { all.append(SlideShape(blocks: next..<shape.blocks.lowerBound)) }
            all.append(shape)
            next = max(next, shape.blocks.upperBound)
        }
        return next < blocks ? all + [SlideShape(blocks: next..<blocks)] : all
    }

    /// The title first, then from top to bottom, and from left to right what is side by side.
    /// - Parameter blocks: how many there are; what is in no shape is one of its own.
    static func ordered(_ shapes: [SlideShape], blocks: Int) -> [SlideShape] {
        let shapes = withLoose(shapes, blocks)
        var placed: [(shape: SlideShape, place: Place, index: Int)] = []
        var last = Place(x: 0, y: 0)
        for (index, shape) in shapes.enumerated() where !shape.isTitle {
            // What has no place follows what stands before it in the file.
            last = shape.place ?? last
            placed.append((shape, last, index))
        }
        placed.sort { ($0.place.y, $0.index) < ($1.place.y, $1.index) }
        var ordered = shapes.filter(\.isTitle)
        var start = 0
        while start < placed.count {
            let end = placed[start...].firstIndex { $0.place.y - placed[start].place.y >= row } ?? placed.count
            ordered += placed[start..<end].sorted { ($0.place.x, $0.index) < ($1.place.x, $1.index) }.map(\.shape)
            start = end
        }
        return ordered
    }
}

/// Where a layout puts the shapes that slides fill.
final class SlideLayout: MarkupHandler {
    private var places: [String: SlideShape.Place] = [:]
    private var key: String?
    private var isFound = false

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
            isFound = true
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
}
