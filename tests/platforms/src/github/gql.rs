//! Just enough GraphQL to answer a reader strictly: one query operation of fields, arguments, variables, aliases, inline
//! fragments and named fragments becomes a tree. No directives, no mutations.

use std::collections::HashMap;

use serde_json::{Map, Value};

/// One field asked for, with its arguments resolved.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// The name it is answered under.
    pub(super) key: String,
    pub(super) name: String,
    pub(super) arguments: Map<String, Value>,
    pub(super) selection: Vec<Selection>,
}

#[derive(Clone, Debug)]
pub(super) enum Selection {
    Field(Field),
    /// `... on Type { }`; a fragment spread is turned into this too.
    On(String, Vec<Selection>),
}

impl Field {
    pub(super) fn argument(&self, name: &str) -> Option<&Value> {
        self.arguments.get(name).filter(|value| !value.is_null())
    }

    /// The fields asked of a value of type `kind`.
    pub(super) fn fields<'f>(&'f self, kind: &'f str) -> Vec<&'f Field> {
        let mut found = Vec::new();
        gather(&self.selection, kind, &mut found);
        found
    }
}

fn gather<'f>(selection: &'f [Selection], kind: &str, found: &mut Vec<&'f Field>) {
    for one in selection {
        match one {
            Selection::Field(field) => found.push(field),
            Selection::On(on, inner)
                if on == kind || matches!(on.as_str(), "Node" | "Actor" | "Comment" | "RepositoryOwner") =>
            {
                gather(inner, kind, found);
            }
            Selection::On(..) => {}
        }
    }
}

/// Parses a request's query into its root fields, as children of a field without a name.
pub(super) fn parse(text: &str, variables: &Map<String, Value>) -> Result<Field, String> {
    let tokens = tokens(text)?;
    let mut parser = Parser {
        tokens,
        place: 0,
        variables: variables.clone(),
        fragments: HashMap::new(),
    };
    parser.gather_fragments()?;
    parser.document()
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Number(String),
    Mark(char),
    Spread,
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut found = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(&next) = rest.peek() {
        match next {
            c if c.is_whitespace() || c == ',' => {
                rest.next();
            }
            '#' => while rest.next_if(|c| *c != '\n').is_some() {},
            '"' => {
                rest.next();
                found.push(Token::Text(text_token(&mut rest)?));
            }
            c if c.is_alphabetic() || c == '_' => {
                found.push(Token::Word(take(&mut rest, |c| c.is_alphanumeric() || c == '_')));
            }
            c if c.is_ascii_digit() || c == '-' => {
                found.push(Token::Number(take(&mut rest, |c| {
                    c.is_ascii_digit() || "-.eE+".contains(c)
                })));
            }
            '.' => {
                if take(&mut rest, |c| c == '.') != "..." {
                    return Err("Expected \"...\"".to_owned());
                }
                found.push(Token::Spread);
            }
            c if "{}()[]:!$=@|".contains(c) => {
                rest.next();
                found.push(Token::Mark(c));
            }
            c => return Err(format!("Unexpected character {c:?}")),
        }
    }
    Ok(found)
}

fn take(rest: &mut std::iter::Peekable<std::str::Chars<'_>>, kept: impl Fn(char) -> bool) -> String {
    let mut word = String::new();
    while let Some(c) = rest.next_if(|c| kept(*c)) {
        word.push(c);
    }
    word
}

fn text_token(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, String> {
    let mut text = String::new();
    loop {
        match rest.next() {
            Some('"') => return Ok(text),
            Some('\\') => match rest.next() {
                Some('n') => text.push('\n'),
                Some(c) => text.push(c),
                None => return Err("Unterminated string".to_owned()),
            },
            Some(c) => text.push(c),
            None => return Err("Unterminated string".to_owned()),
        }
    }
}

struct Parser {
    tokens: Vec<Token>,
    place: usize,
    variables: Map<String, Value>,
    fragments: HashMap<String, (String, usize)>,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.place)
    }

    fn next(&mut self) -> Result<Token, String> {
        let token = self.peek().cloned().ok_or("Unexpected end of document")?;
        self.place += 1;
        Ok(token)
    }

    fn accept(&mut self, mark: char) -> bool {
        let there = self.peek() == Some(&Token::Mark(mark));
        self.place += usize::from(there);
        there
    }

    fn expect(&mut self, mark: char) -> Result<(), String> {
        if self.accept(mark) {
            Ok(())
        } else {
            Err(format!("Expected {mark:?}, got {:?}", self.peek()))
        }
    }

    fn word(&mut self) -> Result<String, String> {
        match self.next()? {
            Token::Word(word) => Ok(word),
            other => Err(format!("Expected a name, got {other:?}")),
        }
    }

    /// Notes where each named fragment's body begins.
    fn gather_fragments(&mut self) -> Result<(), String> {
        let is = |token: Option<&Token>, word: &str| matches!(token, Some(Token::Word(found)) if found == word);
        let mut depth = 0;
        for place in 0..self.tokens.len() {
            match &self.tokens[place] {
                Token::Mark('{') => depth += 1,
                Token::Mark('}') => depth -= 1,
                Token::Word(word) if depth == 0 && word == "fragment" => {
                    let (Some(Token::Word(name)), true, Some(Token::Word(kind))) = (
                        self.tokens.get(place + 1),
                        is(self.tokens.get(place + 2), "on"),
                        self.tokens.get(place + 3),
                    ) else {
                        return Err("Malformed fragment".to_owned());
                    };
                    self.fragments.insert(name.clone(), (kind.clone(), place + 4));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn document(&mut self) -> Result<Field, String> {
        if let Some(Token::Word(kind)) = self.peek().cloned() {
            if kind != "query" {
                return Err(format!("A {kind} cannot be answered here; only queries can"));
            }
            self.place += 1;
            if matches!(self.peek(), Some(Token::Word(_))) {
                self.place += 1;
            }
            if self.accept('(') {
                self.variable_definitions()?;
            }
        }
        let selection = self.selection(0)?;
        Ok(Field {
            key: String::new(),
            name: String::new(),
            arguments: Map::new(),
            selection,
        })
    }

    fn variable_definitions(&mut self) -> Result<(), String> {
        while !self.accept(')') {
            self.expect('$')?;
            let name = self.word()?;
            self.expect(':')?;
            let list = self.accept('[');
            let kind = self.word()?;
            let mut required = self.accept('!');
            if list {
                self.expect(']')?;
                required = self.accept('!');
            }
            if self.accept('=') {
                let default = self.value()?;
                self.variables.entry(name.clone()).or_insert(default);
            }
            self.check_variable(&name, &kind, required, list)?;
        }
        Ok(())
    }

    fn check_variable(&mut self, name: &str, kind: &str, required: bool, list: bool) -> Result<(), String> {
        let value = self.variables.entry(name.to_owned()).or_insert(Value::Null);
        let sound = match (kind, &value) {
            (_, Value::Null) => !required,
            _ if list => value.is_array(),
            ("Int", value) => value.is_i64(),
            ("String" | "ID", value) => value.is_string(),
            ("Boolean", value) => value.is_boolean(),
            _ => true,
        };
        if sound {
            Ok(())
        } else {
            Err(format!("Variable ${name} of type {kind} was provided invalid value"))
        }
    }

    fn selection(&mut self, depth: usize) -> Result<Vec<Selection>, String> {
        if depth > 25 {
            return Err("The query is nested too deeply".to_owned());
        }
        self.expect('{')?;
        let mut found = Vec::new();
        while !self.accept('}') {
            if self.peek() == Some(&Token::Spread) {
                self.place += 1;
                found.push(self.spread(depth)?);
            } else {
                found.push(Selection::Field(self.field(depth)?));
            }
        }
        Ok(found)
    }

    fn spread(&mut self, depth: usize) -> Result<Selection, String> {
        let word = self.word()?;
        if word == "on" {
            let kind = self.word()?;
            return Ok(Selection::On(kind, self.selection(depth + 1)?));
        }
        let (kind, start) = self
            .fragments
            .get(&word)
            .cloned()
            .ok_or(format!("Fragment {word} was used, but not defined"))?;
        let back = std::mem::replace(&mut self.place, start);
        let inner = self.selection(depth + 1)?;
        self.place = back;
        Ok(Selection::On(kind, inner))
    }

    fn field(&mut self, depth: usize) -> Result<Field, String> {
        let first = self.word()?;
        let (key, name) = if self.accept(':') {
            (first, self.word()?)
        } else {
            (first.clone(), first)
        };
        let mut arguments = Map::new();
        if self.accept('(') {
            while !self.accept(')') {
                let argument = self.word()?;
                self.expect(':')?;
                arguments.insert(argument, self.value()?);
            }
        }
        let selection = if self.peek() == Some(&Token::Mark('{')) {
            self.selection(depth + 1)?
        } else {
            Vec::new()
        };
        Ok(Field {
            key,
            name,
            arguments,
            selection,
        })
    }

    fn value(&mut self) -> Result<Value, String> {
        Ok(match self.next()? {
            Token::Text(text) => Value::String(text),
            Token::Number(number) => serde_json::from_str(&number).map_err(|_| format!("Bad number {number}"))?,
            Token::Word(word) => match word.as_str() {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                "null" => Value::Null,
                _ => Value::String(word),
            },
            Token::Mark('$') => {
                let name = self.word()?;
                self.variables
                    .get(&name)
                    .cloned()
                    .ok_or(format!("Variable ${name} is used but not declared"))?
            }
            Token::Mark('{') => {
                let mut object = Map::new();
                while !self.accept('}') {
                    let key = self.word()?;
                    self.expect(':')?;
                    object.insert(key, self.value()?);
                }
                Value::Object(object)
            }
            Token::Mark('[') => {
                let mut list = Vec::new();
                while !self.accept(']') {
                    list.push(self.value()?);
                }
                Value::Array(list)
            }
            other => return Err(format!("Unexpected {other:?}")),
        })
    }
}
