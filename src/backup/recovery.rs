//! The recovery sheet: what somebody needs who has nothing but the repository.

use png::{BitDepth, ColorType, Encoder};
use qrcode::{Color, EcLevel, QrCode};

use super::address::Address;
use super::error::{BackupError, Kind, Result};
use crate::secret::value::SecretValue;

/// White around a code, in modules: the standard wants four.
const QUIET: usize = 4;
/// Pixels of a module in the picture.
const SCALE: usize = 8;

/// The code that a phone's camera reads: the passphrase alone.
struct Code {
    width: usize,
    dark: Vec<bool>,
}

impl Code {
    fn of(passphrase: &SecretValue) -> Result<Self> {
        let code = QrCode::with_error_correction_level(passphrase.expose(), EcLevel::M)
            .map_err(|error| BackupError::new(Kind::Other, "drawing the recovery sheet's code", error.to_string()))?;
        let dark = code.to_colors().into_iter().map(|color| color == Color::Dark).collect();
        Ok(Self { width: code.width(), dark })
    }

    /// Modules with the quiet zone.
    fn side(&self) -> usize {
        self.width + 2 * QUIET
    }

    fn is_dark(&self, x: usize, y: usize) -> bool {
        let inside = |at: usize| at.checked_sub(QUIET).filter(|at| *at < self.width);
        matches!((inside(x), inside(y)), (Some(x), Some(y)) if self.dark[y * self.width + x])
    }
}

/// The sheet as text, with the code drawn in half blocks: light on a dark terminal, as scanners want it.
pub fn sheet(address: &Address, passphrase: &SecretValue) -> Result<String> {
    let words = String::from_utf8_lossy(passphrase.expose());
    let code = Code::of(passphrase)?;
    let mut out = format!(
        "RECOVERY SHEET: print it, or write it down, and keep it away from this machine.\n\
         Without the passphrase nobody gets at the backups, you neither.\n\n\
         \x20 repository  {address}\n\x20 passphrase  {words}\n\n\
         On a new machine:  devup restore PROJECT --from REPOSITORY --into FOLDER --passphrase-file FILE\n\
         Without devup:     restic -r REPOSITORY restore latest --target FOLDER\n\n"
    );
    for y in (0..code.side()).step_by(2) {
        for x in 0..code.side() {
            out.push(match (code.is_dark(x, y), y + 1 < code.side() && !code.is_dark(x, y + 1)) {
                (false, true) => '█',
                (false, false) => '▀',
                (true, true) => '▄',
                (true, false) => ' ',
            });
        }
        out.push('\n');
    }
    Ok(out)
}

/// The code as a picture to print.
pub fn picture(passphrase: &SecretValue) -> Result<Vec<u8>> {
    let failed = |error: png::EncodingError| {
        BackupError::new(Kind::Other, "drawing the recovery sheet's picture", error.to_string())
    };
    let code = Code::of(passphrase)?;
    let side = code.side() * SCALE;
    let pixels: Vec<u8> =
        (0..side * side).map(|at| if code.is_dark(at % side / SCALE, at / side / SCALE) { 0 } else { 255 }).collect();
    let mut out = Vec::new();
    let length = u32::try_from(side).unwrap_or(u32::MAX);
    let mut encoder = Encoder::new(&mut out, length, length);
    encoder.set_color(ColorType::Grayscale);
    encoder.set_depth(BitDepth::Eight);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(&pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sheet_has_what_is_needed_and_the_code_is_whole() {
        let passphrase = SecretValue::new(b"lusab-babad-gutih-tugad-lusab-babad-gutih-tugad".to_vec());
        let text = sheet(&Address::Folder("/b".into()), &passphrase).unwrap();
        assert!(text.contains("lusab-babad-gutih") && text.contains("repository  /b"), "{text}");
        let drawn: Vec<usize> = text.lines().filter(|l| l.contains('█')).map(|l| l.chars().count()).collect();
        let side = Code::of(&passphrase).unwrap().side();
        // two rows a line; the last has no dark module and no second row
        assert_eq!(drawn.len(), side / 2);
        assert!(drawn.iter().all(|width| *width == side));
    }

    #[test]
    fn the_picture_is_a_png_of_the_same_code() {
        let passphrase = SecretValue::new(b"lusab-babad".to_vec());
        let bytes = picture(&passphrase).unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        let code = Code::of(&passphrase).unwrap();
        assert_eq!(info.width as usize, code.side() * SCALE);
        // the upper left finder pattern begins right behind the quiet zone
        let at = |module: usize| pixels[module * SCALE * info.width as usize + module * SCALE];
        assert_eq!((at(QUIET - 1), at(QUIET), at(QUIET + 1)), (255, 0, 255));
    }
}
