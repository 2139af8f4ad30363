use ringfence::*;
fn main() {
    let inputs: Vec<_> = std::env::args_os().skip(1).map(|a| Input::parse(&a)).collect();
    let s = LintSettings { show_open: std::env::var_os("ALL").is_some(), ..Default::default() };
    let l = lint(&inputs, &s);
    for f in &l.report.findings {
        println!(
            "{}{}:{}:{}: {}[{}] {} {}",
            if f.open { "~" } else { "" },
            f.path,
            f.line,
            f.column,
            f.level,
            f.rule,
            f.message,
            f.fix.is_some()
        );
    }
    for i in &l.report.idle_suppressions {
        println!("idle {i:?}");
    }
    for i in &l.report.unread {
        println!("unread {i:?}");
    }
    println!("{:?} {:?}", l.report.examined, l.report.elapsed);
}
