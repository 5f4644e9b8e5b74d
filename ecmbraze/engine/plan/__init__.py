"""Step 2: what each flow makes of it, judged by the guards, confirmed by people; sends nothing."""
