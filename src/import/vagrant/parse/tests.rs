//! What is read, what is left out, and that nothing goes on for ever.
use proptest::prelude::*;

use super::*;

fn unread(text: &str) -> Vec<(usize, usize)> {
    let lines = |node: &Node| if let Expr::Unread(_, last) = node.expr { Some((node.line, last)) } else { None };
    parse(text, 1).iter().filter_map(lines).collect()
}

#[test]
fn the_forms_of_vagrantfiles_are_read() {
    for text in [
        "Vagrant.configure(\"2\") do |config|\n  config.vm.box = 'a'\nend",
        "config.vm.network :forwarded_port, guest: 80,\n  host: 8080, :id => \"x\"",
        "config.vm.provision \"shell\", inline: <<-S, args: [\"a\", 1]\n echo\nS",
        "(1..3).each do |i|\n  x \"n#{i + 1}\" do |n| n.y = i end\nend",
        "{ 'a' => 1, b: { c: 2 } }.each_pair { |k, (v, w)| p k }",
        "memory = ENV['M'] || 512 unless defined",
        "a = x ? 1 : y ? 2 : 3",
        "if a == 1 && !b then c elsif d\n e\nelse\n f\nend",
        "case a\nwhen 1, 2 then b\nelse c\nend",
        "def f(a, b)\n  a.b b\nend\nf 1, 2",
        "v.customize [\"modifyvm\", :id, \"--memory\", \"1024\"]",
        "v.vmx[\"memsize\"] = \"1024\"",
        "name = sprintf(\"n%02d\", 1)\nx = \"%s-%d\" % [name, 2]",
        "config\n  .vm\n  .box = 'x'",
        "File.expand_path(\"../x\", __FILE__)",
    ] {
        assert_eq!(unread(text), [], "{text}: {:?}", parse(text, 1));
    }
}

#[test]
fn what_is_not_read_ends_where_it_ends() {
    assert_eq!(unread("a = 1\nwhile x do\n  if y\n  z\n  end\nend\nb = 2"), [(2, 6)]);
    assert_eq!(unread("a ) b\nc = 1"), [(1, 1)]);
    assert_eq!(unread("end\nend"), [(1, 1), (2, 2)]);
    assert_eq!(parse("class A\n def b\n end\nend\nc = 1", 1).len(), 2);
}

#[test]
fn depth_is_bounded() {
    for piece in
        ["(", "[", "{", "!", "-", "a.b(", "a b do ", "if a\n", "\"#{", "x = ", "a ? ", "not ", "1 + ", "a.", "a and "]
    {
        parse(&piece.repeat(20_000), 1);
        parse(&format!("{}1", piece.repeat(20_000)), 1);
    }
}

proptest! {
    #[test]
    fn any_text_gets_an_answer(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        parse(&String::from_utf8_lossy(&bytes), 1);
    }

    #[test]
    fn any_order_of_tokens_gets_an_answer(
        words in proptest::collection::vec(prop::sample::select(vec![
            "do", "end", "if", "else", "case", "when", "def", "a", "b.c", "(", ")", "[", "]", "{", "}", "|", ",", "\n",
            "=", "=>", "k:", ":s", "\"#{a}\"", "<<-X", "X", "1", "..", "?", ":", "-", "!", "%w[a]", "rescue", "while",
        ]), 0..60),
    ) {
        parse(&words.join(" "), 1);
    }
}
