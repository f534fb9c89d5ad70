import CPoppler

/// A page as it looks, in shades of grey: row after row, 0 is black.
package struct PageRaster {
    package let pixels: [UInt8]
    package let width: Int
    package let height: Int
    /// Pixels in a point.
    package let scale: Float

    /// A4 at 600 dpi has 35 million. Larger pages are drawn smaller, larger pictures are refused.
    package static let mostPixels = 40_000_000
    /// What Tesseract reads about as well as 300 dpi, in half the time.
    static let resolution: Float = 200
    /// Cairo's own limit is 32,767.
    fileprivate static let maximumSide: Float = 30_000

    /// A white square, at 72 dpi.
    package init(white side: Int) {
        self.init(pixels: Array(repeating: 0xFF, count: side * side), width: side, height: side, scale: 1)
    }

    fileprivate init(pixels: [UInt8], width: Int, height: Int, scale: Float) {
        (self.pixels, self.width, self.height, self.scale) = (pixels, width, height, scale)
    }

    /// In dots per inch.
    package var resolution: Int { Int((scale * 72).rounded()) }
}

extension PopplerPageText {
    /// The page's picture; nil where it cannot be drawn.
    func raster() -> PageRaster? {
        let page = size
        guard page.width > 0, page.height > 0, page.width.isFinite, page.height.isFinite else { return nil }
        let scale = min(
            PageRaster.resolution / 72,
            (Float(PageRaster.mostPixels) / (page.width * page.height)).squareRoot(),
            PageRaster.maximumSide / max(page.width, page.height)
        )
        let width = max(1, (page.width * scale).rounded(.down))
        let height = max(1, (page.height * scale).rounded(.down))
        return PageCanvas(width: Int(width), height: Int(height))?.drawing(handle, scale: scale)
    }
}

/// Owns a cairo surface, white at first.
private struct PageCanvas: ~Copyable {
    private let surface: OpaquePointer

    init?(width: Int, height: Int) {
        guard let surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, Int32(width), Int32(height)) else {
            return nil
        }
        guard cairo_surface_status(surface) == CAIRO_STATUS_SUCCESS else {
            cairo_surface_destroy(surface)
            return nil
        }
        self.surface = surface
    }

    deinit { cairo_surface_destroy(surface) }

    /// The page, drawn; nil where cairo has failed.
    consuming func drawing(_ page: OpaquePointer, scale: Float) -> PageRaster? {
        let context = cairo_create(surface)
        defer { cairo_destroy(context) }
        cairo_set_source_rgb(context, 1, 1, 1)
        cairo_paint(context)
        cairo_scale(context, Double(scale), Double(scale))
        poppler_page_render(page, context)
        guard cairo_status(context) == CAIRO_STATUS_SUCCESS else { return nil }
        cairo_surface_flush(surface)
        let (width, height) = (
            Int(cairo_image_surface_get_width(surface)), Int(cairo_image_surface_get_height(surface))
        )
        let stride = Int(cairo_image_surface_get_stride(surface))
        guard let data = cairo_image_surface_get_data(surface) else { return nil }
        let pixels = [UInt8](unsafeUninitializedCapacity: width * height) { pixels, count in
            for y in 0..<height {
                let row = UnsafeRawPointer(data + y * stride).assumingMemoryBound(to: UInt32.self)
                for x in 0..<width { pixels[y * width + x] = Self.grey(row[x]) }
            }
            count = width * height
        }
        return PageRaster(pixels: pixels, width: width, height: height, scale: scale)
    }

    /// Luma (ITU-R BT.601) in 256ths.
    private static func grey(_ colour: UInt32) -> UInt8 {
        let (red, green, blue) = (colour >> 16 & 0xFF, colour >> 8 & 0xFF, colour & 0xFF)
        return UInt8(truncatingIfNeeded: (red * 77 + green * 151 + blue * 28) >> 8)
    }
}

extension DocumentReader {
    /// Draws a letter of a font that is not embedded: fontconfig reads its configuration and caches, which a sandbox shuts away.
    package static func prepareDrawing() {
        let content = "BT /F 12 Tf 20 20 Td (x) Tj ET"
        let pdf = """
            %PDF-1.4
            1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
            2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj
            3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 99 99]/Contents 4 0 R/Resources<</Font<</F 5 0 R>>>>>>endobj
            4 0 obj<</Length \(content.utf8.count)>>stream
            \(content)
            endstream endobj
            5 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj
            trailer<</Root 1 0 R>>
            %%EOF
            """
        Array(pdf.utf8).withUnsafeBytes { bytes in
            if let document = try? PopplerDocument(bytes: bytes) { _ = document.page(0)?.raster() }
        }
    }
}
