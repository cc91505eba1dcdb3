//! Draws the pictures that runs keep: curves, a confusion matrix, samples of a camera. PNG with a
//! palette of sixteen colors, so that a picture takes a few kilobytes.

use super::curve::Point;
use super::random::Random;

const WHITE: u8 = 0;
const INK: u8 = 1;
const GRID: u8 = 2;
/// The first color of a line; four follow each other, apart for people with color blindness.
const LINES: u8 = 3;
/// The first of eight shades from light to dark.
const SHADES: u8 = 8;

/// Red, green and blue of each color.
const PALETTE: [[u8; 3]; 16] = [
    [255, 255, 255],
    [51, 51, 51],
    [226, 226, 226],
    [0, 114, 178],
    [213, 94, 0],
    [0, 158, 115],
    [204, 121, 167],
    [240, 228, 66],
    [240, 245, 250],
    [208, 222, 236],
    [170, 196, 220],
    [130, 168, 203],
    [94, 139, 183],
    [62, 108, 158],
    [38, 78, 125],
    [20, 48, 86],
];

/// Rows of digits, a minus sign and a point, three pixels wide and five high.
const GLYPHS: [(char, [u8; 5]); 12] = [
    ('0', [7, 5, 5, 5, 7]),
    ('1', [2, 6, 2, 2, 7]),
    ('2', [7, 1, 7, 4, 7]),
    ('3', [7, 1, 7, 1, 7]),
    ('4', [5, 5, 7, 1, 1]),
    ('5', [7, 4, 7, 1, 7]),
    ('6', [7, 4, 7, 5, 7]),
    ('7', [7, 1, 2, 2, 2]),
    ('8', [7, 5, 7, 5, 7]),
    ('9', [7, 5, 7, 1, 7]),
    ('-', [0, 0, 7, 0, 0]),
    ('.', [0, 0, 0, 0, 2]),
];

/// A picture, a byte a pixel.
struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<u8>,
}

impl Canvas {
    fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            pixels: vec![WHITE; width * height],
        }
    }

    /// Colors a pixel; one outside of the picture is left out.
    fn dot(&mut self, x: i64, y: i64, color: u8) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else {
            return;
        };
        if x < self.width
            && let Some(pixel) = self.pixels.get_mut(y * self.width + x)
        {
            *pixel = color;
        }
    }

    fn block(&mut self, (x, y): (i64, i64), (width, height): (i64, i64), color: u8) {
        for row in y..y + height {
            for column in x..x + width {
                self.dot(column, row, color);
            }
        }
    }

    fn line(&mut self, (x0, y0): (f64, f64), (x1, y1): (f64, f64), color: u8) {
        let length = (x1 - x0).abs().max((y1 - y0).abs()).ceil().max(1.0);
        for step in 0..=length as i64 {
            let part = step as f64 / length;
            let x = (x0 + (x1 - x0) * part).round() as i64;
            let y = (y0 + (y1 - y0) * part).round() as i64;
            self.block((x, y), (2, 2), color);
        }
    }

    /// Writes a number, each pixel of a digit two wide.
    fn text(&mut self, (x, y): (i64, i64), text: &str) {
        for (place, wanted) in (0i64..).zip(text.chars()) {
            let rows = GLYPHS
                .iter()
                .find(|(glyph, _)| *glyph == wanted)
                .map(|(_, rows)| rows);
            for (row, bits) in (0i64..).zip(rows.into_iter().flatten()) {
                for column in (0..3i64).filter(|column| bits >> (2 - column) & 1 == 1) {
                    self.block((x + place * 8 + column * 2, y + row * 2), (2, 2), INK);
                }
            }
        }
    }

    fn png(&self) -> Vec<u8> {
        let mut rows = Vec::with_capacity(self.height * (self.width / 2 + 1));
        for row in self.pixels.chunks(self.width) {
            rows.push(0);
            rows.extend(row.chunks(2).map(|pair| {
                pair.iter().fold(0, |byte, pixel| byte << 4 | pixel) << (4 * (2 - pair.len()))
            }));
        }
        let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
        let size = |size: usize| u32::try_from(size).unwrap_or(u32::MAX).to_be_bytes();
        let mut head = [size(self.width), size(self.height)].concat();
        // Four bits a pixel, with a palette, not interlaced.
        head.extend([4, 3, 0, 0, 0]);
        chunk(&mut file, b"IHDR", &head);
        chunk(&mut file, b"PLTE", PALETTE.as_flattened());
        chunk(
            &mut file,
            b"IDAT",
            &miniz_oxide::deflate::compress_to_vec_zlib(&rows, 6),
        );
        chunk(&mut file, b"IEND", &[]);
        file
    }
}

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    file.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_be_bytes());
    let body = [kind, data].concat();
    file.extend(&body);
    file.extend(crc32fast::hash(&body).to_be_bytes());
}

/// Draws up to four curves over their steps, with a scale at the left and below.
pub(super) fn curves(lines: &[&[Point]]) -> Vec<u8> {
    let mut canvas = Canvas::new(640, 400);
    let points = || {
        lines
            .iter()
            .flat_map(|line| line.iter())
            .filter(|point| point.value.is_finite())
    };
    let low = points()
        .map(|point| point.value)
        .fold(f64::INFINITY, f64::min);
    let high = points()
        .map(|point| point.value)
        .fold(f64::NEG_INFINITY, f64::max);
    let last = points().map(|point| point.step).max().unwrap_or(1).max(1) as f64;
    let range = (high - low).max(f64::EPSILON);
    for mark in 0..=4i64 {
        let part = mark as f64 / 4.0;
        let y = 360 - mark * 84;
        canvas.block((70, y), (550, 1), GRID);
        canvas.text((8, y - 5), &format!("{:.3}", low + range * part));
        let step = format!("{:.0}", last * part);
        canvas.text((70 + mark * 137 - 4 * step.len() as i64, 376), &step);
    }
    let place = |point: &Point| {
        let x = 70.0 + 548.0 * point.step as f64 / last;
        (x, 360.0 - 336.0 * (point.value - low) / range)
    };
    for (color, line) in (LINES..LINES + 4).zip(lines) {
        for pair in line.windows(2) {
            if let [from, to] = pair
                && from.value.is_finite()
                && to.value.is_finite()
            {
                canvas.line(place(from), place(to), color);
            }
        }
    }
    canvas.png()
}

/// Draws a confusion matrix of two classes with the counts inside.
pub(super) fn confusion(counts: [[u64; 2]; 2]) -> Vec<u8> {
    let mut canvas = Canvas::new(340, 340);
    let most = counts.iter().flatten().max().copied().unwrap_or(1).max(1) as f64;
    for (row, line) in (0i64..).zip(counts) {
        for (column, count) in (0i64..).zip(line) {
            let shade = SHADES + (7.0 * (count as f64 / most).sqrt()) as u8;
            let corner = (20 + column * 150, 20 + row * 150);
            canvas.block(corner, (148, 148), shade);
            let text = count.to_string();
            let width = text.len() as i64 * 8;
            canvas.block(
                (corner.0 + 68 - width / 2, corner.1 + 62),
                (width + 12, 24),
                WHITE,
            );
            canvas.text((corner.0 + 74 - width / 2, corner.1 + 69), &text);
        }
    }
    canvas.png()
}

/// Draws what a camera saw: a brushed surface with a scratch, and a frame where one was found.
pub(super) fn sample(random: &mut Random, is_found: bool) -> Vec<u8> {
    let mut canvas = Canvas::new(224, 224);
    for y in 0..224 {
        let row = random.whole(0, 2);
        for x in 0..224 {
            let shade = (2 + row + u64::from(random.chance(0.25))).min(5) as u8;
            canvas.dot(x, y, SHADES + shade);
        }
    }
    let (x, y) = (random.between(40.0, 130.0), random.between(40.0, 130.0));
    let (width, height) = (random.between(15.0, 60.0), random.between(10.0, 50.0));
    canvas.line((x, y), (x + width, y + height), SHADES);
    canvas.line(
        (x + 3.0, y + 2.0),
        (x + width * 0.7, y + height),
        SHADES + 7,
    );
    if is_found {
        let corners = [
            (x - 8.0, y - 8.0),
            (x + width + 8.0, y - 8.0),
            (x + width + 8.0, y + height + 8.0),
            (x - 8.0, y + height + 8.0),
        ];
        for (from, to) in corners.iter().zip(corners.iter().cycle().skip(1)) {
            canvas.line(*from, *to, LINES + 1);
        }
    }
    canvas.png()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(file: &[u8], width: u32, height: u32) {
        assert_eq!(&file[..8], b"\x89PNG\r\n\x1a\n");
        assert_eq!(
            file[16..24],
            [width.to_be_bytes(), height.to_be_bytes()].concat()
        );
        let mut rest = &file[8..];
        while let Some((length, body)) = rest.split_first_chunk::<4>() {
            let (data, after) = body.split_at(4 + u32::from_be_bytes(*length) as usize);
            assert_eq!(after[..4], crc32fast::hash(data).to_be_bytes());
            if let Some(pixels) = data.strip_prefix(b"IDAT") {
                let rows = miniz_oxide::inflate::decompress_to_vec_zlib(pixels).unwrap();
                assert_eq!(rows.len() as u32, height * (width.div_ceil(2) + 1));
            }
            rest = &after[4..];
        }
        assert!(file.len() < 40_000, "{}", file.len());
    }

    #[test]
    fn pictures_are_png_files_of_their_size() {
        let line: Vec<Point> = (0..50)
            .map(|step| Point {
                step,
                value: 1.0 / (step + 1) as f64,
            })
            .collect();
        check(&curves(&[&line, &line]), 640, 400);
        check(&curves(&[]), 640, 400);
        check(&confusion([[900, 12], [30, 58]]), 340, 340);
        check(&sample(&mut Random::new(1, 1), true), 224, 224);
    }
}
