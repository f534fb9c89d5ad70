/// How a page is turned so that some of its text runs from left to right.
struct PageFrame: Equatable {
    /// The direction of that text on the page, as a vector of length 1.
    private let across: Float
    private let down: Float
    /// The corner of the turned page that comes to lie at the top left.
    private let left: Float
    private let top: Float

    /// The page as it is.
    static let upright = PageFrame(across: 1, down: 0, page: .none)

    init(across: Float, down: Float, page: CharacterBox) {
        (self.across, self.down) = (across, down)
        let corners = [
            (page.left, page.top), (page.right, page.top), (page.left, page.bottom), (page.right, page.bottom),
        ]
        left = corners.map { $0.0 * across + $0.1 * down }.min()!
        top = corners.map { $0.1 * across - $0.0 * down }.min()!
    }

    func turned(_ x: Float, _ y: Float) -> (x: Float, y: Float) {
        (x * across + y * down - left, y * across - x * down - top)
    }

    func turned(_ box: CharacterBox) -> CharacterBox {
        Self.box([(box.left, box.top), (box.right, box.bottom)].map { turned($0.0, $0.1) })
    }

    /// Where on the page a box of the frame is.
    func onPage(_ box: CharacterBox) -> CharacterBox {
        guard self != .upright else { return box }
        let corners = [(box.left, box.top), (box.right, box.top), (box.left, box.bottom), (box.right, box.bottom)]
        return Self.box(
            corners.map { corner in
                let (x, y) = (corner.0 + left, corner.1 + top)
                return (x * across - y * down, x * down + y * across)
            }
        )
    }

    private static func box(_ corners: [(x: Float, y: Float)]) -> CharacterBox {
        CharacterBox(
            left: corners.map(\.x).min()!,
            top: corners.map(\.y).min()!,
            right: corners.map(\.x).max()!,
            bottom: corners.map(\.y).max()!
        )
    }
}
