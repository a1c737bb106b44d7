//! Names that every file system takes, whatever a vendor calls its files. Pure.

/// Longer names are cut; most file systems take 255 bytes.
const LONGEST: usize = 120;

/// What Windows keeps for itself, whatever the extension.
const RESERVED: [&str; 7] = ["con", "prn", "aux", "nul", "com", "lpt", "clock$"];

/// `text` as a file's name: letters, digits and a few signs; everything else is an underscore.
pub(crate) fn safe(text: &str) -> String {
    let allowed = |char: char| {
        char.is_alphanumeric() || matches!(char, '-' | '_' | '.' | ' ' | '(' | ')' | '+' | '@' | '=' | ',')
    };
    let name: String = text
        .chars()
        .map(|char| if allowed(char) { char } else { '_' })
        .collect();
    let name = shortened(name.trim_matches(['.', ' ']));
    let stem = name.split('.').next().unwrap_or_default().to_lowercase();
    let stem = stem.trim_end_matches(|char: char| char.is_ascii_digit());
    if name.is_empty() || RESERVED.contains(&stem) {
        format!("_{name}")
    } else {
        name
    }
}

/// The name of a record's file: its key, and its own name if it has one.
pub(crate) fn of_body(key: &str, name: Option<&str>) -> String {
    match name {
        Some(name) => format!("{}-{}", safe(key), safe(name)),
        None => safe(key),
    }
}

/// The name with a number before its extension.
pub(crate) fn numbered(name: &str, number: u32) -> String {
    match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => format!("{stem}~{number}.{extension}"),
        _ => format!("{name}~{number}"),
    }
}

/// Cut in the middle of nothing: the extension stays, since programs go by it.
fn shortened(name: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= 16 => (stem, format!(".{extension}")),
        _ => (name, String::new()),
    };
    let mut end = LONGEST - extension.len();
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{extension}", &stem[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_its_folder_or_is_refused() {
        assert_eq!(safe("../../etc/passwd"), "_.._etc_passwd");
        assert_eq!(
            [safe(""), safe(".."), safe("con.txt"), safe("LPT1")],
            ["_", "_", "_con.txt", "_LPT1"]
        );
        assert_eq!(safe("a\0b\u{202e}c:d?.png"), "a_b_c_d_.png");
        assert_eq!(safe("Übersicht (2).pdf"), "Übersicht (2).pdf");
        let long = safe(&format!("{}.jpeg", "ä".repeat(300)));
        assert!(long.len() <= LONGEST && long.ends_with(".jpeg"), "{long}");
    }

    #[test]
    fn a_body_is_named_after_its_record() {
        assert_eq!(of_body("7/12", Some("logo.png")), "7_12-logo.png");
        assert_eq!(numbered(&of_body("7", None), 2), "7~2");
        assert_eq!(numbered("7-a.tar.gz", 3), "7-a.tar~3.gz");
    }
}
